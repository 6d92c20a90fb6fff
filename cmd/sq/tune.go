package main

import (
	"runtime"
	"sync"
)

// tune sets the runtime up for a server, but for what the environment says of it, until stop is called.
func tune(lookup func(name string) (string, bool)) (stop func()) {
	told := func(name string) bool { _, told := lookup(name); return told }
	if !told("GOMAXPROCS") {
		moreAtOnce()
	}
	if told("GOGC") || told("GOMEMLIMIT") {
		return func() {}
	}
	untouched := make([]byte, untouchedBytes)
	return func() { runtime.KeepAlive(untouched) }
}

// moreAtOnce has the runtime run two goroutines more at once than it would, which is as many as there
// are processors. A goroutine that waits for the disk counts for one until the runtime
// notices, for which it looks every 20 µs as long as all are taken.
var moreAtOnce = sync.OnceFunc(func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2) })

// untouchedBytes keep the runtime from collecting garbage ten times a second. It does so when there is
// as much of that as of what is in use, which for a server under load is some MB. So it
// gets more to count: memory that nobody reads or writes, and that the system therefore
// never has to give. There is as much more garbage at the most, which it does.
const untouchedBytes = 8 << 20
