package disk

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/sweep"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// flip changes a bit of a file.
func flip(t *testing.T, mem *vfs.Mem, name string, at int) {
	b, err := mem.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Clone(b)
	b[at] ^= 1
	if err := mem.WriteFile(name, b); err != nil {
		t.Fatal(err)
	}
}

// everything returns all that is in the files of a phext and in our folders.
func everything(t *testing.T, mem *vfs.Mem) string {
	var all strings.Builder
	for _, folder := range []string{".", journalDir, conflictsDir, tailsDir, tmpDir} {
		infos, _ := mem.List(folder)
		for _, i := range infos {
			b, err := mem.ReadFile(strings.TrimPrefix(folder+"/"+i.Name, "./"))
			if err == nil {
				all.Write(b)
				all.WriteByte('\n')
			}
		}
	}
	return all.String()
}

// TestRepairSweep takes images of what the loss of power leaves at each file
// operation of a repair, of several kinds of damage. The next repair ends with the
// same file, and nothing that could be read is nowhere, or there twice.
func TestRepairSweep(t *testing.T) {
	t.Parallel()
	variants := map[string]func(t *testing.T) *vfs.Mem{
		"record": threeInMemory,
		"two headers": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			flip(t, mem, ".sq/journal/notes.1", 20)
			flip(t, mem, ".sq/journal/notes.3", 20)
			return mem
		},
		"first header": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			flip(t, mem, ".sq/journal/notes.1", 20)
			return mem
		},
		"newest header": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			infos, _ := mem.List(journalDir)
			flip(t, mem, journalDir+"/"+infos[len(infos)-1].Name, 20)
			return mem
		},
		"edited": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			mem.WriteFile("notes.phext", []byte("edited"))
			return mem
		},
		"no utf8": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			mem.WriteFile("notes.phext", []byte("o\xffe"))
			return mem
		},
		"no utf8, sound journal": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			b, _ := mem.ReadFile(".sq/journal/notes.2")
			flip(t, mem, ".sq/journal/notes.2", bytes.Index(b, []byte("*b")))
			mem.WriteFile("notes.phext", []byte("o\xffe"))
			return mem
		},
		"headless": func(t *testing.T) *vfs.Mem {
			mem := threeInMemory(t)
			mem.Remove(".sq/journal/notes.1")
			return mem
		},
	}
	for name, make := range variants {
		t.Run(name, func(t *testing.T) {
			bad := 0
			// undisturbed
			mem := make(t)
			mem.Settle()
			c, err := checkIn(mem, CheckOptions{Repair: true})
			want, _ := mem.ReadFile("notes.phext")
			t.Logf("undisturbed: %q %v %+v", want, err, c)
			images := []struct {
				mem  *vfs.Mem
				call string
			}{}
			mem = make(t)
			mem.Settle()
			rng := rand.New(rand.NewPCG(1, 2))
			seen := map[uint64]bool{}
			checkIn(vfs.NewFault(mem, func(c vfs.Call) error {
				for range 3 {
					i := mem.Imagine(rng)
					if s := i.Sum(); !seen[s] {
						seen[s] = true
						images = append(images, struct {
							mem  *vfs.Mem
							call string
						}{i, fmt.Sprintf("%s %s %s", c.Op, c.Name, c.To)})
					}
				}
				return nil
			}), CheckOptions{Repair: true})
			for range 3 {
				images = append(images, struct {
					mem  *vfs.Mem
					call string
				}{mem.Imagine(rng), "the end"})
			}
			for n, i := range images {
				if n%sweep.Step != 0 || strings.Contains(name, "sound") && n%17 != 0 {
					continue
				}
				fail := func(format string, args ...any) {
					if bad++; bad < 6 {
						t.Errorf("image %d, before %s: %s", n, i.call, fmt.Sprintf(format, args...))
					}
				}
				served := ""
				if n%2 == 0 { // the server is started first
					e := inMemory(i.mem, Options{})
					s := e.Store("dir")
					if snap, err := s.Snapshot(background, "notes"); err != nil {
						fail("open %v", err)
					} else {
						var b strings.Builder
						snap.WriteTo(&b)
						served = b.String()
						snap.Close()
					}
					if strings.Count(served, "+a") > 1 || strings.Count(served, "+c") > 1 {
						fail("served %q", served)
					}
					e.Close(background)
				}
				c, err := checkIn(i.mem, CheckOptions{Repair: true})
				if err != nil || c.Problems() > 0 {
					fail("repair again: %+v %v", c, err)
				}
				got, _ := i.mem.ReadFile("notes.phext")
				allowed := []string{string(want)}
				if strings.Contains(name, "sound") {
					allowed = append(allowed, string(want)+"+a+b+c")
				}
				if !slices.Contains(allowed, string(got)) {
					fail("file %q, want %q (served %q)", got, want, served)
				}
				e := inMemory(i.mem, Options{})
				if _, err := e.Store("dir").Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("+more")}}); err != nil {
					fail("a batch %v", err)
				}
				if err := e.Close(background); err != nil {
					fail("close %v", err)
				}
				got, _ = i.mem.ReadFile("notes.phext")
				if string(got) != string(want)+"+more" && !strings.Contains(string(got), "+more") {
					fail("at the end %q", got)
				}
				all := everything(t, i.mem)
				for _, token := range []string{"+a", "+c"} {
					if name == "headless" && token == "+a" {
						continue
					}
					if !strings.Contains(all, token) {
						fail("%s is nowhere", token)
					}
				}
			}
			t.Logf("%d images, %d bad", len(images), bad)
		})
	}
}
