package founding

import (
	"log/slog"
	"os"
	"strings"

	"github.com/wbic16/sq-go"
)

// ReadSecrets reads the secrets that Stripe signs with from a file: one a line,
// two while one takes the place of the other. Invalid: there is none, or it is another
// kind of secret; Stripe's library would take an empty one, and believe everybody.
// Internal: the file cannot be read. It warns where others may read the file.
func ReadSecrets(path string, log *slog.Logger) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "cannot read Stripe's secret")
	}
	if info, err := os.Stat(path); err == nil && forOthers(info.Mode()) {
		log.Warn("others may read Stripe's secret; chmod 600 makes it private", "file", path)
	}
	secrets := strings.Fields(string(text))
	if len(secrets) == 0 {
		return nil, sq.Errorf(sq.Invalid, "%s: is empty; put the signing secret of Stripe's endpoint there, which begins with whsec_", path)
	}
	for _, secret := range secrets {
		for _, prefix := range []string{"sk_", "rk_", "pk_"} {
			if strings.HasPrefix(secret, prefix) {
				return nil, sq.Errorf(sq.Invalid, "%s: has a key of Stripe's API (%s…); the signing secret of the endpoint begins with whsec_", path, prefix)
			}
		}
	}
	return secrets, nil
}
