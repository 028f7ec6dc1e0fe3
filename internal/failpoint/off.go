//go:build !failpoints

package failpoint

// Enabled tells whether this build looks at failpoints.
const Enabled = false

// Before is passed just before a step is taken.
func Before(Step) {}

// After is passed just after a step was taken.
func After(Step) {}
