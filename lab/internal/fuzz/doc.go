// Package fuzz composes meshes of features at random, and makes those small in which the product
// and the real mesh disagree.
//
// A mesh is a row: one value of every feature (features.go). [Rows] chooses rows so that every two
// values of different features that can meet do so in as few rows as it finds (pairwise coverage),
// and goes on with rows of a few features each, where nothing hides anything else. A row alone
// decides what is applied ([Compose]): a seed and a number give the same mesh everywhere.
//
// A [Campaign] has every case judged, by whoever can run it, and shrinks the first one of each
// kind of disagreement: by objects and settings, then by fields (delta debugging).
package fuzz
