package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/tenant"
)

const tenantsHashLong = `Read a token from standard input and print its hash as the configuration file takes
it, in place of the token or of "admin_key". The token is one line; the line break
does not count. It is not an argument, which others would see with ps.`

const tenantsHashExample = `  sq tenants hash < token.txt
  openssl rand -hex 24 | tee admin.key | sq tenants hash`

// maxToken is how long a token may be: more would not fit into a header.
const maxToken = 16 << 10

func newTenantsHash(out outside) *cobra.Command {
	return &cobra.Command{
		Use:     "hash < FILE",
		Short:   "print the hash of a token",
		Long:    tenantsHashLong,
		Example: tenantsHashExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hash, err := hashOf(out.stdin)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
}

func hashOf(r io.Reader) (hash tenant.TokenHash, err error) {
	const hint = "pipe one token in, as in sq tenants hash < token.txt"
	data, err := io.ReadAll(io.LimitReader(r, maxToken+1))
	token := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case err != nil:
		return hash, fmt.Errorf("read the token: %w", err)
	case len(data) > maxToken:
		return hash, hinted(fmt.Errorf("the token has more than %d bytes", maxToken), hint)
	case strings.HasPrefix(strings.ToLower(token), "sha256:"):
		return hash, hinted(fmt.Errorf("that is a hash already"), "write it into the file as it is")
	}
	hash, err = tenant.ParseToken(token)
	return hash, hinted(err, hint)
}
