package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// enum is a flag that takes one of a few words.
type enum struct {
	value   string
	allowed []string
}

// String returns the value.
func (e *enum) String() string { return e.value }

// Type names the value in usage lines.
func (e *enum) Type() string { return strings.Join(e.allowed, "|") }

// Set takes a word if it is allowed.
func (e *enum) Set(word string) error {
	if !slices.Contains(e.allowed, word) {
		return fmt.Errorf("must be one of %s", strings.Join(e.allowed, ", "))
	}
	e.value = word
	return nil
}

// addEnum adds an enum flag, with completion of its words. The default is the first word.
func addEnum(cmd *cobra.Command, flags *pflag.FlagSet, e *enum, name, short, usage string) {
	if e.value == "" {
		e.value = e.allowed[0]
	}
	flags.VarP(e, name, short, usage)
	words := cobra.FixedCompletions(e.allowed, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(name, words); err != nil {
		cmd.PrintErrln(err) // only for a flag that is not there, and it was just added
	}
}
