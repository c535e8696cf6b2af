package bundle

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// FuzzOpen: any bytes are evidence or one sentence, and evidence is never hollow.
func FuzzOpen(f *testing.F) {
	f.Add(tarOf(f, testBundle()...))
	f.Add(zipped(f, tarOf(f, bugReportFiles(brCRs)...)))
	f.Add(tarOf(f, bugReportFiles(emptyList)...))
	f.Add(tarOf(f, mustGatherFiles()...))
	f.Add([]byte(testDump))
	f.Add([]byte("200\n" + testDump))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		l := limits{member: 1 << 20, total: 8 << 20, members: 1000}
		ev, err := newReader("fuzz", l).stream(t.Context(), bytes.NewReader(data), archived)
		var known *Error
		switch {
		case err == nil && (ev == nil || ev.Resources == nil):
			t.Fatal("neither evidence nor an error")
		case err == nil && len(ev.Proxies) == 0 && len(ev.Gaps) == 0:
			t.Fatal("evidence of nothing without a gap")
		case err != nil && (!errors.As(err, &known) || known.Next == "" || strings.ContainsRune(err.Error(), '\n')):
			t.Fatalf("not one sentence with what to do next: %q", err)
		}
	})
}

// FuzzObjects: YAML and JSON of other tools never break the splitter.
func FuzzObjects(f *testing.F) {
	f.Add([]byte(brResources))
	f.Add([]byte(brCRs))
	f.Add([]byte(configz))
	f.Add([]byte(emptyList))
	f.Add([]byte("items:\n- "))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := NewAssembler()
		err := a.Add("bug-report/cluster/k8s-resources", bytes.NewReader(data))
		ev, everr := a.Evidence()
		if everr != nil {
			t.Fatal(everr)
		}
		if err != nil && ev.Resources.HasRead("pods.core") {
			t.Fatalf("%v, and pods count as read", err)
		}
	})
}

// FuzzManifest: a manifest that is read is written the same.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(testManifest))
	f.Add([]byte(`{"apiVersion":"mtls-doctor.dev/v1alpha1","kind":"Bundle","gaps":[{"subject":{"kind":"Pod","name":"x"},"stage":"list","message":"m"}],"scope":{}}`))
	f.Add([]byte(`{"kind":"Bundle"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadManifest(bytes.NewReader(data))
		if err != nil {
			return
		}
		var one, two bytes.Buffer
		if err := m.Write(&one); err != nil {
			return // a time that no RFC 3339 text can hold
		}
		again, err := ReadManifest(bytes.NewReader(one.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Write(&two); err != nil || one.String() != two.String() {
			t.Fatalf("written %q, then %q, %v", &one, &two, err)
		}
	})
}
