package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsGenerateLong = `Make a configuration of many tenants, and the list of their tokens.

--out is a file that sq host takes as --config. It has the hashes of the tokens, so
that whoever reads it cannot use them. --csv is the list of slots to give away; it
has the tokens themselves, and they are nowhere else: keep it safe. Both are for
their owner alone (mode 0600). A file that is there is not overwritten without
--force, which makes the tokens of the old one worthless.

Tenants are PREFIX-001, PREFIX-002, … with a directory each under --data-root.
Tokens are pmb-v1-001-<24 hex digits>, from the system's random source. There is no
"admin_key" in the file: make one with sq tenants hash to open the administration.`

const tenantsGenerateExample = `  sq tenants generate --count 500 --prefix founding --data-root /var/lib/sq/tenants \
      --out founding-500-tokens.json --csv founding-500-tokens.csv`

// maxGenerated is how many tenants are made at most.
const maxGenerated = 1_000_000

// tenantsGenerate is the command line of generate.
type tenantsGenerate struct {
	settingsFlags
	count            int
	prefix, dataRoot string
	out, csv         string
	force            bool
}

func newTenantsGenerate() *cobra.Command {
	var f tenantsGenerate
	cmd := &cobra.Command{
		Use:     "generate --count N --data-root DIR --out FILE --csv FILE",
		Short:   "make a configuration of many tenants, and their tokens",
		Long:    tenantsGenerateLong,
		Example: tenantsGenerateExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.generate(f.settings(cmd.Flags()), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.count, "count", 0, "how many tenants, 1 to 1,000,000")
	flags.StringVar(&f.prefix, "prefix", "founding", "what their `names` begin with")
	flags.StringVar(&f.dataRoot, "data-root", "", "the `folder` above their directories")
	flags.StringVar(&f.out, "out", "", "the configuration `file` to make")
	flags.StringVar(&f.csv, "csv", "", "the `file` for the tokens")
	flags.BoolVar(&f.force, "force", false, "overwrite files that are there")
	f.register(flags)
	return cmd
}

func (f *tenantsGenerate) check() error {
	const see = "sq help tenants generate has an example"
	if f.count < 1 || f.count > maxGenerated {
		return usage(see, "--count is %d; a number from 1 to %d is wanted", f.count, maxGenerated)
	}
	for _, v := range []struct{ flag, value string }{{"prefix", f.prefix}, {"data-root", f.dataRoot}, {"out", f.out}, {"csv", f.csv}} {
		if v.value == "" {
			return usage(see, "--%s is missing", v.flag)
		}
	}
	if strings.HasPrefix(f.prefix, "-") {
		return usage("a spreadsheet would take the names for formulas", "--prefix %s begins with -", f.prefix)
	}
	if filepath.Clean(f.out) == filepath.Clean(f.csv) {
		return usage(see, "--out and --csv are the same file")
	}
	for _, path := range []string{f.out, f.csv} {
		if _, err := os.Lstat(path); err == nil && !f.force {
			return hinted(fmt.Errorf("there is a file %q already, and nothing was written", path),
				"the tokens in it may be given away; --force makes new ones in its place")
		}
	}
	return nil
}

func (f *tenantsGenerate) generate(s tenant.Settings, out io.Writer) error {
	root, err := filepath.Abs(f.dataRoot)
	if err != nil {
		return err
	}
	slots := make([]slot, f.count)
	for i := range slots {
		slots[i] = f.slot(root, i+1)
	}
	config, err := tenant.Compose(root, func(e *tenant.Edit) error {
		for _, t := range slots {
			if err := e.Add(t.name, t.dataDir, tenant.HashToken(t.token), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The tokens first: a configuration without them would be of no use.
	if err := tenant.WriteFile(f.csv, slotsCSV(slots), f.force); err != nil {
		return err
	}
	if err := tenant.WriteFile(f.out, config, f.force); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s in %s, their tokens in %s (keep it safe)\n", f.prefix, count(f.count, "tenant"), f.out, f.csv)
	return err
}

// slot is a place for a tenant that nobody has taken yet.
type slot struct {
	number               int
	token, name, dataDir string
}

func (f *tenantsGenerate) slot(root string, n int) slot {
	name := fmt.Sprintf("%s-%03d", f.prefix, n)
	return slot{n, tenant.NewToken(n), name, filepath.Join(root, name)}
}

// slotsCSV is the list as spreadsheets read it. What is empty is filled in when a
// slot is sold.
func slotsCSV(slots []slot) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"slot", "token", "name", "data_dir", "status", "purchased_at", "customer_email"})
	for _, s := range slots {
		w.Write([]string{strconv.Itoa(s.number), s.token, s.name, s.dataDir, "available", "", ""})
	}
	w.Flush() // into memory, which cannot fail
	return b.Bytes()
}
