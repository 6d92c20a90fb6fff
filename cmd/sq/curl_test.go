package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// curl does what README and handbook ask of the program of that name: the flags -s, -H,
// -X, -d and --data-binary, also of a file, and one URL. What they call localhost:1337 is the server at
// SQ_TEST_ADDRESS.
func curl() {
	if err := curlMain(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}

func curlMain(args []string) error {
	method, asked, body, url := http.MethodGet, "", "", ""
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-s":
		case arg == "-H" && i+1 < len(args):
			i++
			name, value, _ := strings.Cut(args[i], ":")
			header.Add(name, strings.TrimSpace(value))
		case (arg == "-d" || arg == "--data-binary") && i+1 < len(args):
			i++
			method, body = http.MethodPost, args[i]
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			if name, isFile := strings.CutPrefix(body, "@"); isFile {
				text, err := readNamed(name)
				if err != nil {
					return err
				}
				body = text
			}
		case arg == "-X" && i+1 < len(args):
			i++
			asked = args[i]
		case strings.HasPrefix(arg, "-") || url != "":
			return fmt.Errorf("this stand-in does not know %q", arg)
		default:
			url = arg
		}
	}
	return request(cmp.Or(asked, method), url, header, body)
}

// readNamed reads a file, or standard input where it is called -.
func readNamed(name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(os.Stdin)
		return string(text), err
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

func request(method, url string, header http.Header, body string) error {
	url = strings.TrimPrefix(url, "http://")
	url = strings.Replace(url, "localhost:1337", os.Getenv("SQ_TEST_ADDRESS"), 1)
	req, err := http.NewRequest(method, "http://"+url, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	req.Header = header
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(os.Stdout, reply.Body)
	return err
}
