//go:build !linux

package api

import "net"

// bequeaths is false: it is not known that connections have the options of their
// listener.
func bequeaths(net.Listener) bool { return false }

func listenConfig() *net.ListenConfig { return &net.ListenConfig{} }
