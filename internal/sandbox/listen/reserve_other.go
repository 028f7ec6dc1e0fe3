//go:build !unix

package listen

// reserve does nothing where the standard library can't bind without listening.
func reserve(string) (func(), error) { return nil, nil }
