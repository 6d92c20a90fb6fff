package filetree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/wbic16/sq-go/phext"
)

// Options say what a walk takes.
type Options struct {
	// Hidden takes files and folders whose name begins with a dot too. Those of git
	// and SQ are never taken.
	Hidden bool
	// MostBytes is how many bytes a file may have.
	MostBytes int64
	// Except reports whether a file is to be left out, and why; may be nil.
	Except func(fs.FileInfo) (why string)
	// Skipped is told of each file or folder that is left out; may be nil.
	Skipped func(path, why string)
	// Found is told how many files were found so far; may be nil.
	Found func(files int)
}

// Walk returns the text files below a folder, sorted by name within each folder,
// without coordinates. It reads each of them: text is UTF-8 without delimiters of
// phext. Links are not followed. What is left out is told to o.Skipped; the error
// is that of the folder itself, or of ctx.
func Walk(ctx context.Context, root *os.Root, o Options) (Table, error) {
	w := &walk{ctx: ctx, root: root, options: o}
	if err := w.folder("."); err != nil {
		return nil, err
	}
	return w.found, nil
}

// walk is a walk under way.
type walk struct {
	ctx     context.Context
	root    *os.Root
	options Options
	found   Table
}

// folder walks a folder. An error of one below the first is a reason to skip it.
func (w *walk) folder(name string) error {
	entries, err := readFolder(w.root, name)
	if err != nil {
		if name == "." {
			return err
		}
		w.skip(name, reason(err))
		return nil
	}
	for _, entry := range entries {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if err := w.entry(join(name, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

func readFolder(root *os.Root, name string) ([]fs.DirEntry, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func join(folder, name string) string {
	if folder == "." {
		return name
	}
	return folder + "/" + name
}

func (w *walk) entry(path string, entry fs.DirEntry) error {
	switch {
	case isOwn(entry.Name()):
		w.skip(path, "is a folder of git's or SQ's own")
	case strings.HasPrefix(entry.Name(), ".") && !w.options.Hidden:
		w.skip(path, "is hidden")
	case entry.IsDir():
		return w.folder(path)
	case entry.Type()&fs.ModeSymlink != 0:
		w.skip(path, "is a symbolic link")
	case !entry.Type().IsRegular():
		w.skip(path, "is no regular file")
	default:
		w.file(path)
	}
	return nil
}

func (w *walk) file(path string) {
	f, _, err := Read(w.root, path, w.options)
	if err != nil {
		w.skip(path, reason(err))
		return
	}
	w.found = append(w.found, f)
	if w.options.Found != nil {
		w.options.Found(len(w.found))
	}
}

func (w *walk) skip(path, why string) {
	if w.options.Skipped != nil {
		w.options.Skipped(path, why)
	}
}

// reason returns what went wrong with a file, without its path.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Read reads a file of a tree. The error says why it is none that is taken; the
// text is nobody else's.
func Read(root *os.Root, path string, o Options) (File, []byte, error) {
	f, err := root.Open(path)
	if err != nil {
		return File{}, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, nil, err
	}
	if err := o.takes(info); err != nil {
		return File{}, nil, err
	}
	text := make([]byte, info.Size(), info.Size()+1)
	n, err := io.ReadFull(f, text)
	if err != nil && n < len(text) && err != io.ErrUnexpectedEOF {
		return File{}, nil, err
	}
	text = text[:n]
	if err := phext.CheckText(text); err != nil {
		return File{}, nil, notText(text, err)
	}
	return File{Path: path, Empty: n == 0, Executable: info.Mode()&0o100 != 0}, text, nil
}

// notText says in the words of files why a text is none.
func notText(text []byte, err error) error {
	var wrong *phext.TextError
	if !errors.As(err, &wrong) {
		return err
	}
	if b := text[wrong.Offset]; phext.IsDelimiter(b) {
		return fmt.Errorf("has a delimiter of phext (byte 0x%02X at offset %d)", b, wrong.Offset)
	}
	return fmt.Errorf("is no text (not UTF-8 at offset %d)", wrong.Offset)
}

func (o Options) takes(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("is no regular file")
	}
	if o.MostBytes > 0 && info.Size() > o.MostBytes {
		return fmt.Errorf("has %d bytes, more than %d", info.Size(), o.MostBytes)
	}
	if o.Except != nil {
		if why := o.Except(info); why != "" {
			return errors.New(why)
		}
	}
	return nil
}
