package sq

// Tenant is a customer of the server: a name, a directory and limits. It is a
// value; its tokens are known to the registry that found it.
type Tenant struct {
	// Name is 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot.
	// It is empty where the server has one tenant only.
	Name string
	// DataDir is the directory that holds the tenant's phexts.
	DataDir string
	// ReadOnly refuses every write. It may hold for one of a tenant's tokens.
	ReadOnly bool
	// QuotaBytes is the room the tenant may use; 0 means no limit.
	QuotaBytes int64
	// RequestsPerSecond and RequestsPerDay are the rates it may use; 0 means no
	// limit.
	RequestsPerSecond float64
	RequestsPerDay    int64
}
