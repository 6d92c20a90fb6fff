package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a server that was started.
type process struct {
	cmd     *exec.Cmd
	log     string // the file with its standard error
	begun   time.Time
	address string // as 127.0.0.1:PORT, once it listens
	ended   chan struct{}

	peak        atomic.Int64 // bytes of memory at the most; see forgetPeak
	peakWatched sync.Once
}

// start starts a program. What it says on standard output is read by the caller.
func (b *bench) start(name string, stdin []byte, args ...string) (*process, io.Reader, error) {
	p := &process{log: filepath.Join(b.logs, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(b.ctx, args[0], args[1:]...)
	p.cmd.Stderr, p.cmd.Stdin = log, bytes.NewReader(stdin)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	p.begun = time.Now()
	return p, out, p.cmd.Start()
}

var listening = regexp.MustCompile(`istening on port (\d+)`)

// listen starts a program that tells its port on standard output.
func (b *bench) listen(name string, stdin []byte, args ...string) (*process, error) {
	p, out, err := b.start(name, stdin, args...)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if found := listening.FindStringSubmatch(line); found != nil {
			p.address = "127.0.0.1:" + found[1]
			go p.wait(lines)
			return p, nil
		}
		if err != nil {
			go p.wait(lines)
			<-p.ended
			text, _ := os.ReadFile(p.log)
			return nil, fmt.Errorf("%s ended: %w\n%s", name, err, text)
		}
	}
}

// listenAt starts a program that is told its port.
func (b *bench) listenAt(name, address string, args ...string) (*process, error) {
	p, out, err := b.start(name, nil, args...)
	if err != nil {
		return nil, err
	}
	p.address = address
	go p.wait(out)
	return p, nil
}

func (p *process) wait(out io.Reader) {
	io.Copy(io.Discard, out)
	p.cmd.Wait()
	close(p.ended)
}

// kill ends the process at once, and waits.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}
