package api

import (
	"context"
	"net"
)

// Listen listens on a TCP address, host:port, for Serve. Where connections inherit
// what is asked of their listener (Linux) they are asked once what net.Listen asks
// each of them. Errors are those of net.Listen.
func Listen(address string) (net.Listener, error) {
	if l, err := listenConfig().Listen(context.Background(), "tcp", address); err == nil {
		return l, nil
	}
	return net.Listen("tcp", address) // a system may refuse what was asked for; a connection that it refuses it to is served
}
