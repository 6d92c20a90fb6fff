package phext

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

type vector struct {
	Phext, Other, Coord, Normalized, Toc, Checksum, Fetch, Merge, Subtract string
	Append, Replace, Remove, Expand, Contract                              string
	Manifest                                                               *string
	Scrolls                                                                []struct{ Coord, Text string }
}

// TestVectorsAreShared makes sure that the copy here is what all phext tools are
// held to. The original stands beside the project where its continuous integration
// runs, and is not needed elsewhere.
func TestVectorsAreShared(t *testing.T) {
	want := beside(t, "vectors/phext.json")
	got, err := os.ReadFile("testdata/vectors.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("testdata/vectors.json is not shared/vectors/phext.json: %v; copy it here", err)
	}
}

// beside reads a file of the folder shared that stands beside the project.
func beside(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../shared/" + name)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skipf("needs shared/%s beside the project", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestVectors holds every operation to what other phext tools answer.
func TestVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors) != 40 {
		t.Fatalf("%d vectors, %v; want 40", len(vectors), err)
	}
	for i, v := range vectors {
		checkVector(t, i, v)
	}
}

func checkVector(t *testing.T, i int, v vector) {
	text, c := []byte(v.Phext), mustParse(t, v.Coord)
	must := func(b []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Errorf("vector %d: %v", i, err)
		}
		return string(b)
	}
	toc, err := Toc(text)
	if err != nil {
		t.Error(err)
	}
	sum, err := SumNormal(text)
	if err != nil {
		t.Error(err)
	}
	scrolls, err := Explode(v.Phext)
	if err != nil || len(scrolls) != len(v.Scrolls) {
		t.Errorf("vector %d: %d scrolls, %v; want %d", i, len(scrolls), err, len(v.Scrolls))
	}
	for _, s := range v.Scrolls {
		if got := scrolls[mustParse(t, s.Coord)]; got != s.Text {
			t.Errorf("vector %d: scroll %s is %q, want %q", i, s.Coord, got, s.Text)
		}
	}
	rows := []struct{ what, got, want string }{
		{"normal form", must(Normalize(text)), v.Normalized},
		{"implode", Implode(scrolls), v.Normalized},
		{"toc", toc, v.Toc},
		{"checksum", sum.String(), v.Checksum},
		{"fetch", must(Fetch(text, c)), v.Fetch},
		{"merge", must(Merge(text, []byte(v.Other))), v.Merge},
		{"subtract", must(Subtract(text, []byte(v.Other))), v.Subtract},
		{"append", must(Insert(text, c, "NEW")), v.Append},
		{"replace", must(Update(text, c, "NEW")), v.Replace},
		{"remove", must(Remove(text, c)), v.Remove},
		{"expand", string(Expand(text)), v.Expand},
		{"contract", string(Contract(text)), v.Contract},
	}
	if v.Manifest != nil {
		rows = append(rows, struct{ what, got, want string }{"manifest", must(Manifest(text)), *v.Manifest})
	}
	for _, r := range rows {
		if r.got != r.want {
			t.Errorf("vector %d: %s is\n%q, want\n%q", i, r.what, r.got, r.want)
		}
	}
}

func mustParse(t *testing.T, s string) Coordinate {
	t.Helper()
	c, err := ParseStored(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
