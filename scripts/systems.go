//go:build ignore

// Systems checks that all packages compile for other systems, as far as the types
// tell: reading the sources takes seconds, where a build of them and of the standard
// library takes minutes.
//
//	go run scripts/systems.go darwin freebsd windows
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	failed := false
	for _, system := range os.Args[1:] {
		fmt.Println("for", system)
		all, err := packages.Load(&packages.Config{
			Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedCompiledGoFiles | packages.NeedTypes | packages.NeedSyntax,
			Env:  append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0"),
		}, "./...")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		failed = packages.PrintErrors(all) > 0 || failed
	}
	if failed {
		os.Exit(1)
	}
}
