package migrations

import "embed"

// FS holds the folders sqlite and mysql.
//
//go:embed sqlite/*.sql mysql/*.sql
var FS embed.FS
