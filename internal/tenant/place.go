package tenant

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wbic16/sq-go"
)

// AddUnderRoot adds a tenant whose directory is the one of its name under the
// root, and returns that. Errors are those of Add; Conflict when there are files
// in that directory: whoever they belong to, a new tenant is not to read them.
// Where there is no root it is Invalid.
func (e *Edit) AddUnderRoot(name string, token TokenHash, s Settings) (dir string, err error) {
	root := e.doc.config.DataRoot
	if root == "" {
		return "", sq.Errorf(sq.Invalid, `"data_root" is missing in the configuration, so there is no place for a new tenant; add it to the file`)
	}
	if _, complaint := parseName(name); complaint != "" {
		return "", sq.Errorf(sq.Invalid, "the tenant's name %s", complaint)
	}
	dir = filepath.Join(root, name)
	// A tenant that there is is the better reason to refuse.
	if len(e.items(name)) == 0 {
		if err := vacant(dir); err != nil {
			return "", err
		}
	}
	return dir, e.Add(name, dir, token, s)
}

// vacant returns an error unless a directory is empty or does not exist.
func vacant(dir string) error {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return sq.Wrap(err, sq.Internal, "the directory of the new tenant cannot be looked at; check the rights on it")
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); errors.Is(err, io.EOF) {
		return nil
	}
	return sq.Errorf(sq.Conflict, "there is something in %q already, which a new tenant would be shown; move it away, or choose another name", dir)
}

// Compose returns the text of a new configuration, as an edit makes it of one
// without tenants that is read again when it changes. A root that is empty is left
// out. Errors are those of the edit and of Parse.
func Compose(root string, edit func(*Edit) error) ([]byte, error) {
	text := `{
  "tenants": {},
  "reload_on_change": true
}
`
	if root != "" {
		text = `{
  "tenants": {},
  "data_root": ` + quote(root) + `,
  "reload_on_change": true
}
`
	}
	d, err := parse([]byte(text), "new configuration")
	if err != nil {
		return nil, err
	}
	e := newEdit(d, []byte(text))
	if err := edit(e); err != nil {
		return nil, err
	}
	data := e.render()
	_, err = parse(data, "new configuration")
	return data, err
}
