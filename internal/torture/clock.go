package torture

import "time"

// now is the machine's clock. A run is about real processes and has no other.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above
