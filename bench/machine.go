package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// describe says on what and when the figures were measured, and how long one
// append takes that survives the loss of power.
func describe(b *bench) string {
	lines := []string{
		fmt.Sprintf("Measured %s, %d rounds of %v: %s, %d CPUs, %s, %s.", time.Now().UTC().Format("2006-01-02"), b.rounds, b.seconds, cpu(), runtime.NumCPU(), kernel(), runtime.Version()),
		fmt.Sprintf("sq at %s. %s. %s.", revision(), version("redis-server", "--version"), version("etcd", "--version")),
		fmt.Sprintf("Append of 1 KB and fdatasync in %s: %s.", fileSystem(b.data), appends(b.data)),
		fmt.Sprintf("Load on the machine beside the measurements at the beginning: %s.", loadAverage()),
	}
	return strings.Join(lines, "\n")
}

func cpu() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(text))
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// fileSystem names that of a folder.
func fileSystem(dir string) string {
	out, err := exec.Command("df", "--output=fstype", dir).Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) == 2 {
		return "a file on " + fields[1]
	}
	return "a file"
}

func revision() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "an unknown revision"
	}
	return strings.TrimSpace(string(out))
}

// version returns the first line of what a program says of itself.
func version(program string, args ...string) string {
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return "No " + program
	}
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " sha=")
	return strings.TrimSpace(line)
}

// appends measures appends of 1 KB that are synced one by one.
func appends(dir string) string {
	file, err := os.Create(filepath.Join(dir, "append"))
	if err != nil {
		return err.Error()
	}
	defer os.Remove(file.Name())
	defer file.Close()
	text := texts.Append(nil, 0, 0)
	var micros []float64
	for range 500 {
		begun := time.Now()
		if _, err := file.Write(text); err != nil {
			return err.Error()
		}
		if err := syncData(file); err != nil {
			return err.Error()
		}
		micros = append(micros, float64(time.Since(begun).Nanoseconds())/1e3)
	}
	return fmt.Sprintf("median of %d %.0f µs", len(micros), median(micros))
}
