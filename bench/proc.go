package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// What the system knows of a process. It is asked for on Linux only.

// mega is a megabyte.
const mega = 1e6

// proc reads a number from a file of the process, behind a name, such as
// "VmRSS:" in status.
func (p *process) proc(file, name string) (int64, error) {
	path := fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == name {
			return strconv.ParseInt(string(fields[1]), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %q", path, name)
}

// memory returns the bytes of memory that the process has, and the most that it
// had since forgetPeak.
func (p *process) memory() (now, peak float64, err error) {
	kilobytes, err := p.proc("status", "VmRSS:")
	if err != nil {
		return 0, 0, err
	}
	most, err := p.proc("status", "VmHWM:")
	return float64(kilobytes) * 1024, float64(most) * 1024, err
}

// forgetPeak begins to look for the most memory again.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

// written returns how many bytes the process has had written to the disk.
func (p *process) written() (float64, error) {
	n, err := p.proc("io", "write_bytes:")
	return float64(n), err
}
