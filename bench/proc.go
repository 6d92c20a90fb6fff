package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
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

// memory returns the bytes of memory that the process has for itself, and the most
// that it had since forgetPeak. The pages of its program are not among them: they are
// the system's cache, and go when their room is needed.
func (p *process) memory() (now, peak float64, err error) {
	bytes, err := p.own()
	return float64(bytes), float64(max(p.peak.Load(), bytes)), err
}

func (p *process) own() (int64, error) {
	anonymous, err := p.proc("status", "RssAnon:")
	shared, err2 := p.proc("status", "RssShmem:")
	return (anonymous + shared) * 1024, errors.Join(err, err2)
}

// forgetPeak begins to look for the most memory again, every few milliseconds until
// the process ends: the system keeps the peak only of what includes its program.
func (p *process) forgetPeak() error {
	now, err := p.own()
	p.peak.Store(now)
	p.peakWatched.Do(func() {
		go func() {
			for {
				bytes, err := p.own()
				if err != nil {
					return
				}
				p.peak.Store(max(p.peak.Load(), bytes))
				time.Sleep(5 * time.Millisecond)
			}
		}()
	})
	return err
}

// written returns how many bytes were written to the device of a folder, by whom
// ever; where the system does not tell that, how many the process has dirtied. The
// second counts a whole folio of the page cache, of up to hundreds of KB, for each
// few bytes that are written over in it.
func (p *process) written(folder string) (float64, error) {
	if stat := deviceStat(folder); stat != "" {
		if text, err := os.ReadFile(stat); err == nil {
			if fields := bytes.Fields(text); len(fields) > 6 {
				sectors, err := strconv.ParseInt(string(fields[6]), 10, 64)
				return float64(sectors) * 512, err
			}
		}
	}
	n, err := p.proc("io", "write_bytes:")
	return float64(n), err
}

// cpu returns how much time the process has spent on CPUs (proc_pid_stat(5),
// fields 14 and 15, in hundredths of a second).
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name in the second field may have anything in it but ends with the last ).
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", p.cmd.Process.Pid, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, err2)
}

// quiet waits until the machine has nothing left to do, so that nobody is measured beside
// what another has left behind: a checkpoint, the log that redis writes anew. Where
// others work on the machine it gives up after a few seconds, and earlier where what is
// measured is short.
func (b *bench) quiet() {
	const look = 100 * time.Millisecond
	most := min(5*time.Second, 5*b.seconds)
	for begun := time.Now(); time.Since(begun) < most && b.ctx.Err() == nil; {
		idle, all := processors()
		time.Sleep(look)
		idleThen, allThen := processors()
		if 10*(idleThen-idle) >= 9*(allThen-all) {
			return
		}
	}
}

// processors returns how long the processors were idle, and how long there were any, in
// hundredths of a second together; nothing where the system does not tell. Waiting for
// the disk is not being idle (proc_stat(5)).
func processors() (idle, all int64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range bytes.Fields(line) {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if i == 4 {
			idle = n
		}
		if err == nil && i < 9 { // guests are among users
			all += n
		}
	}
	return idle, all
}
