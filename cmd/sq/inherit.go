package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstInherited is the descriptor of the first socket that systemd hands on
// (sd_listen_fds(3)).
const firstInherited = 3

// inherit returns the listener that whoever started the server has opened for it,
// as systemd does for a socket unit; nil when there is none. Clients wait in it
// while one server ends and the next one starts.
func (s *settings) inherit(lookup func(string) (string, bool)) (net.Listener, error) {
	pid, _ := lookup("LISTEN_PID")
	count, _ := lookup("LISTEN_FDS")
	if n, err := strconv.Atoi(count); pid != strconv.Itoa(os.Getpid()) || err != nil || n < 1 {
		return nil, nil
	} else if n > 1 {
		return nil, hinted(fmt.Errorf("%d sockets were handed on, and one is wanted", n), "the socket unit may have one ListenStream")
	}
	file := os.NewFile(firstInherited, "inherited socket")
	defer file.Close() // the listener has a copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("the socket that was handed on cannot be listened to: %w", err)
	}
	if err := s.checkInherited(l); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// checkInherited holds a listener to what was asked for, so that neither of the two
// places where a port is written is believed in vain.
func (s *settings) checkInherited(l net.Listener) error {
	addr, ok := l.Addr().(*net.TCPAddr)
	switch {
	case !ok:
		return errors.New("the socket that was handed on is none of TCP")
	case s.port != 0 && int(s.port) != addr.Port:
		return hinted(fmt.Errorf("port %d was asked for, and the socket that was handed on has port %d", s.port, addr.Port),
			"write the same port in the socket unit and on the command line, or 0 on the command line")
	case s.listen != "" && !addr.IP.Equal(net.ParseIP(s.listen)):
		return hinted(fmt.Errorf("--listen is %s, and the socket that was handed on has %s", s.listen, addr.IP),
			"leave --listen out: the socket unit says where")
	case s.listen == "" && s.keyless() && !addr.IP.IsLoopback():
		return hinted(fmt.Errorf("without a key, and with a socket on %s, everyone who can connect there could read and write", addr.IP),
			"give a key, let the socket listen on 127.0.0.1, or say --listen "+addr.IP.String()+" too")
	}
	return nil
}
