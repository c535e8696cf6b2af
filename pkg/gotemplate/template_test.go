package gotemplate_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"k8s.io/apimachinery/pkg/util/json"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/cli"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/gotemplate"
)

// small has a value of every type of JSON.
const small = `{"text":"a<b>&'\"\u0001\u2028é","empty":"","yes":true,"no":false,"one":1,"many":-12345678901,"half":0.5,
 "null":null,"list":[1,"two",null,[3]],"none":[],"map":{"b":2,"a":{"x":null},"c.d":"dotted"},"void":{},
 "items":[{"name":"n1","port":80},{"name":"n2"},{"port":443}],"base64":"aHVudGVy"}`

// templates are those that people write, and the corners of the language, each for the small document.
var templates = []string{
	"", "plain", `{{.}}`, `{{.text}} {{.yes}} {{.one}} {{.many}} {{.half}} {{.list}} {{.map}}`, `{{.missing}}`,
	`{{.null}}`, `{{.missing.far.away}}`, `{{.null.x}}`, `{{.text.x}}`, `{{.map.a.x}}`, `{{.map.a.x.y}}`,
	`{{.map.a.y.z}}`, `{{(.map).b}}`, `{{(index .items 0).name}}`, `{{(index .list 2).x}}`, `{{(.missing).x}}`,
	`{{nil}}`, `{{print nil}}`, `{{(nil).x}}`,
	// control
	`{{if .yes}}y{{else}}n{{end}}`, `{{if .no}}1{{else if .empty}}2{{else if .one}}3{{else}}4{{end}}`,
	`{{with .map}}{{.b}}{{end}}`, `{{with .none}}x{{else}}none{{end}}`,
	`{{with .missing}}x{{else with .one}}{{.}}{{end}}`, `{{range .items}}{{.name}}:{{.port}}{{"\n"}}{{end}}`,
	`{{range $i, $e := .list}}{{$i}}={{$e}} {{end}}`, `{{range $k, $v := .map}}{{$k}}={{$v}} {{end}}`,
	`{{range .none}}x{{else}}nothing{{end}}`, `{{range .missing}}x{{else}}nothing{{end}}`,
	`{{range .null}}x{{else}}nothing{{end}}`, `{{range .text}}x{{end}}`, `{{range .half}}x{{end}}`,
	`{{range .yes}}x{{end}}`, `{{range 3}}{{.}}{{end}}`, `{{range $i := 3}}{{$i}}{{end}}`,
	`{{range $i, $j := 3}}x{{end}}`, `{{range .one}}{{printf "%T" .}}{{end}}`, `{{range index .text 0}}{{.}} {{end}}`,
	`{{range -1}}x{{else}}no{{end}}`, `{{range .list}}{{if eq (print .) "two"}}{{break}}{{end}}{{.}},{{end}}`,
	`{{range $i, $e := .list}}{{if eq $i 1}}{{continue}}{{end}}{{$e}},{{end}}`, `{{range .list}}{{.x}}{{end}}`,
	`{{range .items}}{{range $k, $v := .}}{{$k}}{{break}}{{end}};{{end}}`,
	`{{range .list}}{{range $.none}}{{else}}{{break}}{{end}}{{.}},{{end}}`,
	`{{range .list}}{{range $.none}}{{else}}{{continue}}{{end}}{{.}},{{end}}`, `{{break}}`, `{{range .list}}{{.}}`,
	`{{end}}`, `{{if}}x{{end}}`, `{{`, `{{.one | .map}}`, `{{nosuch 1}}`, "{{range .items}}\n{{.port.x}}\n{{end}}",
	// variables
	`{{$x := .one}}{{$x}}{{$x = .text}}{{$x}}`, `{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$y}}{{end}}{{$x}}`,
	`{{$x := 1}}{{range $x = .list}}{{$x}},{{end}}{{$x}}`,
	`{{$k := 0}}{{$v := 0}}{{range $k, $v = .map}}{{end}}{{$k}} {{$v}}`, `{{$}}`, `{{$.map.b}}`,
	`{{range .items}}{{$.one}}{{end}}`, `{{$x}}`, `{{with $m := .map}}{{$m.b}}{{end}}`,
	`{{range $e := .list}}{{$e}}{{$e.x}}{{end}}`, `{{$x := .map}}{{$x 1}}`, `{{and false ($y := 1)}}{{$y}}`,
	`{{($x := 2)}}{{$x}}`,
	// templates
	`{{define "t"}}<{{.}}>{{end}}{{template "t" .one}}{{template "t"}}`, `{{block "b" .map}}{{.b}}{{end}}`,
	`{{template "nosuch"}}`, `{{define "t"}}{{$x}}{{end}}`, `{{define "t"}}{{$.b}}{{end}}{{template "t" .map}}`,
	`{{define "output"}}x{{end}}`, `{{define "a"}}1{{end}}{{define "a"}}2{{end}}`,
	`{{define "t"}}{{.x.y}}{{end}}{{template "t" .text}}`,
	// text
	"a {{- .one -}} b", "{{/* nothing */ -}} x", "{{- /* nothing */}}", "\n{{if .yes -}}\n x\n{{- end}}\n",
	"{{`raw`}}{{\"\\t\"}}{{'a'}}", `{{1}} {{1.5}} {{0x10}} {{1e3}} {{1i}} {{0x1p4}} {{0b11}} {{1_000}}`,
	`{{99999999999999999999}}`, `{{9223372036854775808}}`,
	// functions
	`{{and 1 0 (index .none 9)}}`, `{{or 0 "" .text}}`, `{{or .missing .null}}`, `{{and}}`, `{{1 | and 0}}`,
	`{{1 | and 2}}`, `{{.missing | or .no}}`, `{{not .no}} {{not .map}} {{not .missing}}`, `{{not}}`, `{{not 1 2}}`,
	`{{or 0 (and 1 .null)}}`, `{{if and .yes (not .no) .list}}x{{end}}`,
	`{{if .half}}h{{end}}{{if 0i}}c{{end}}{{if 1i}}C{{end}}{{if index .text 0}}u{{end}}`,
	`{{len .text}} {{len .list}} {{len .map}} {{len .empty}}`, `{{len .one}}`, `{{len .missing}}`, `{{len .null}}`,
	`{{len}}`, `{{len nil}}`, `{{index .list 1}} {{index .map "c.d"}} {{index .map "a" "x"}} {{index .text 1}}`,
	`{{index .list 9}}`, `{{index .list 4}}`, `{{index .list -1}}`, `{{index .list "1"}}`, `{{index .list 1.0}}`,
	`{{index .list nil}}`, `{{index .map 1}}`, `{{index .map nil}}`, `{{index .map "no" "x"}}`, `{{index .map "no"}}`,
	`{{index .null}}`, `{{index .missing 1}}`, `{{index .one 0}}`, `{{index .list 3 0}}`, `{{index .list}}`,
	`{{1 | index .list}}`, `{{index .list (index .text 99)}}`, `{{index .one}}`,
	`{{slice .text 1}} {{slice .text 1 2}} {{slice .list 1 2}} {{slice .list}} {{slice .list 0 1 2}} {{slice .text}}`,
	`{{slice .text 2 1}}`, `{{slice .list 9}}`, `{{slice .map}}`, `{{slice .null}}`, `{{slice .text 0 1 1}}`,
	`{{slice .list 0 1 1 1}}`, `{{slice .list 0 2 1}}`, `{{slice .text 99}}`, `{{slice .list "1"}}`,
	`{{print 1 2 "a" "b" .null .missing nil .map}}`, `{{println .one .text}}`,
	`{{printf "%-5s|%v|%q|%d|%T" .empty .list .text .one .half}}`, `{{printf .one}}`, `{{printf 1}}`, `{{printf nil}}`,
	`{{printf}}`, `{{.text | printf "%s"}}`, `{{"%v" | printf}}`, `{{printf .text}}`, `{{printf "%d" "x"}}`,
	`{{.one | printf}}`, `{{html .text}} {{js .text}} {{urlquery .text}}`,
	`{{html .missing}}{{js .null}}{{urlquery nil}}`, `{{html}}{{js}}{{urlquery}}`, `{{html .list 1 2}}`,
	"{{js \"\\xff\\u200b\U000e0001\x7f\"}}", "{{html \"\\x00\"}}",
	`{{eq .one 1}} {{eq .one 2 1}} {{eq .text "x"}} {{eq .null nil}} {{eq .missing .null}} {{eq .map nil}} {{eq .yes true}} {{eq 1i 1i}} {{eq .half 0.5}} {{eq (index "a" 0) 97}}`,
	`{{eq .one}}`, `{{eq .one "1"}}`, `{{eq .one 1.0}}`, `{{eq .list .list}}`, `{{eq .map .list}}`, `{{eq .map .map}}`,
	`{{eq}}`, `{{eq nil 1}}`, `{{1 | eq .one}}`, `{{ne .one 1}} {{ne .text ""}} {{ne nil .map}}`, `{{ne 1 2 3}}`,
	`{{ne .list .list}}`,
	`{{lt 1 2}} {{le 2 2}} {{gt .many 0}} {{ge "b" "a"}} {{lt .half 0.6}} {{ge .half 0.5}} {{le "a" "b"}} {{lt (index "a" 0) 98}}`,
	`{{lt true false}}`, `{{lt 1i 2i}}`, `{{lt .null 1}}`, `{{lt 1 1.5}}`, `{{gt "a" 1}}`, `{{le .list .list}}`,
	`{{ge nil nil}}`, `{{call .one}}`, `{{call}}`, `{{call nil 1}}`, `{{.one | call}}`, `{{and 0 (call .one)}}`,
	`{{print len}}`, `{{print (print)}}`, `{{html.x}}`, `{{.base64 | base64decode}}`, `{{base64decode .text}}`,
	`{{base64decode 1}}`, `{{base64decode .missing}}`, `{{base64decode .null}}`, `{{base64decode .list}}`,
	`{{base64decode nil}}`, `{{.one 1}}`, `{{.map.b 1}}`, `{{1 | .map.b}}`, `{{1 | .missing.b}}`, `{{1 | .missing}}`,
	`{{(.one) 1}}`, `{{1 | (.one)}}`, `{{"x" 1}}`, `{{1 | 2}}`, `{{true.x}}`, `{{range $i, $j, $k := .list}}{{end}}`,
	`{{print (.items) .one | len}}`, `{{(print "a" | len | printf "%03d")}}`,
}

func TestSameAsTextTemplate(t *testing.T) {
	document := parsed(t, small)
	failed := 0
	for _, text := range templates {
		want, wantErr := reference(text, document)
		got, gotErr := ours(text, document)
		if wantErr != nil {
			failed++
		}
		if got != want || place(gotErr) != place(wantErr) {
			t.Errorf("%s\n got %q, %v\nwant %q, %v", text, got, gotErr, want, wantErr)
		}
	}
	if failed < 50 || failed > len(templates)-50 {
		t.Errorf("%d of %d templates fail: both kinds are to be compared", failed, len(templates))
	}
}

// where is what an error says of its place in the template.
var where = regexp.MustCompile(`^template: [^ ]+ (executing .* at <[^>]*>)?`)

func place(err error) string {
	if err == nil {
		return ""
	}
	return where.FindString(err.Error())
}

// TestRecordedDocuments compares what templates make of the documents that our commands write.
func TestRecordedDocuments(t *testing.T) {
	for _, capture := range []string{"01-healthy-strict", "03-dr-disable-vs-strict"} {
		from := []string{"-q", "-o", "json", "--from", filepath.Join("../../testdata/captures", capture+".tar.gz")}
		for _, command := range [][]string{
			{"-A"}, {"edges", "-n", "shop"}, {"matrix", "-A"}, {"certs", "-A"}, {"trace", "deploy/client.shop", "svc/server.shop"},
		} {
			document := recorded(t, append(command, from...))
			for _, text := range append(templates, everything, `{{range .findings}}{{.code}}{{"\t"}}{{.subject.name}}{{"\n"}}{{end}}`,
				`{{.kind}} {{range $k, $v := .}}{{$k}}={{printf "%T %v" $v $v}}{{end}}`) {
				want, wantErr := reference(text, document)
				got, gotErr := ours(text, document)
				if got != want || place(gotErr) != place(wantErr) {
					t.Fatalf("%s of %v:\n got %q, %v\nwant %q, %v", text, command, got, gotErr, want, wantErr)
				}
			}
		}
	}
}

// everything walks a whole document.
const everything = `{{define "all"}}{{if eq (slice (printf "%T" .) 0 3) "map"}}{{range $k, $v := .}}{{$k}}:{{template "all" $v}};{{end}}` +
	`{{else if eq (printf "%.2s" (printf "%T" .)) "[]"}}{{range .}}{{template "all" .}},{{end}}{{else}}{{. | html | js}}{{end}}{{end}}{{template "all" .}}`

// recorded runs a command of ours that writes JSON.
func recorded(t *testing.T, args []string) any {
	t.Helper()
	var out, errOut bytes.Buffer
	cli.Main(append([]string{"kubectl-mtls_doctor"}, args...), strings.NewReader(""), &out, &errOut)
	if out.Len() == 0 {
		t.Fatalf("%v: %s", args, &errOut)
	}
	return parsed(t, out.String())
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func ours(text string, document any) (string, error) {
	parsed, err := gotemplate.Parse("output", text)
	if err != nil {
		return "", err
	}
	return executed(parsed, document)
}

func executed(parsed interface {
	Execute(w io.Writer, document any) error
}, document any,
) (string, error) {
	var out strings.Builder
	if err := parsed.Execute(&out, document); err != nil {
		return "", err
	}
	return out.String(), nil
}

// reference is what text/template does, with kubectl's own functions beside its own.
func reference(text string, document any) (string, error) {
	functions := template.FuncMap{
		"exists": func(any, ...any) bool { return false }, // has a test of its own
		"base64decode": func(text string) (string, error) {
			data, err := base64.StdEncoding.DecodeString(text)
			return string(data), err
		},
	}
	parsed, err := template.New("output").Funcs(functions).Parse(text)
	if err != nil {
		return "", err
	}
	return executed(parsed, document)
}

// TestExists has the answers of kubectl's function (exists in k8s.io/cli-runtime/pkg/printers).
func TestExists(t *testing.T) {
	document := parsed(t, small)
	for arguments, want := range map[string]string{
		`.map "a"`: "true", `.map "a" "x"`: "false", `.map "no"`: "false", `.map "no" "x"`: "false", `.map 1`: "false", `.map nil`: "false",
		`.list 0`: "true", `.list 2`: "false", `.list 4`: "false", `.list -1`: "false", `.list "0"`: "false", `.text 0`: "true", `.text 99`: "false",
		`.one 0`: "false", `.missing`: "true", `.missing 0`: "false", `.yes`: "true",
	} {
		if got, err := ours("{{exists "+arguments+"}}", document); got != want || err != nil {
			t.Errorf("exists %s: got %q, %v; want %s", arguments, got, err, want)
		}
	}
}

// endless matches what would take a template long: ranges over large numbers.
var endless = regexp.MustCompile(`[0-9][0-9a-zA-Z_.]{2,}|'|exists|(?s)range.*range.*range`)

// FuzzSameAsTextTemplate wants the same output of both, or an error of both.
func FuzzSameAsTextTemplate(f *testing.F) {
	for _, text := range templates {
		f.Add(text, small)
	}
	f.Add(everything, `[[],{},"",0,null,false]`)
	f.Fuzz(func(t *testing.T, text, content string) {
		var document any
		if json.Unmarshal([]byte(content), &document) != nil || len(content) > 1000 || endless.MatchString(text) {
			return
		}
		want, wantErr := reference(text, document)
		got, gotErr := ours(text, document)
		if got != want || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%s\n got %q, %v\nwant %q, %v", text, got, gotErr, want, wantErr)
		}
	})
}

func TestEndless(t *testing.T) {
	_, err := ours(`{{define "loop"}}{{template "loop" .}}{{end}}{{template "loop" .}}`, nil)
	if want := "template: output:1:28: executing"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}

func TestWriterFails(t *testing.T) {
	parsed, err := gotemplate.Parse("output", "{{.}}")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := os.Open(os.DevNull) // for reading
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Execute(closed, "x"); err == nil {
		t.Error("what cannot be written is no error")
	}
}

func ExampleTemplate_Execute() {
	parsed, err := gotemplate.Parse("output", `{{range .findings}}{{.code}} {{.title}}{{"\n"}}{{end}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	document := map[string]any{"findings": []any{map[string]any{"code": "MTD301"}}}
	if err := parsed.Execute(os.Stdout, document); err != nil {
		fmt.Println(err)
	}
	// Output: MTD301 <no value>
}
