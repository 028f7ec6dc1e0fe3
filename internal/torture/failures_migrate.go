package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paymux/paymux/internal/failpoint"
)

// DieMigrating lets a migration of a fresh database die before or after its nth
// step and migrates again. It reports whether the process died there, which it
// does not when there are fewer steps; an error says that the schema was not
// whole after the second time.
func DieMigrating(ctx context.Context, world World, side Side, nth int) (died bool, err error) {
	config, err := world.configure("http://127.0.0.1:1", hastyPace)
	if err != nil {
		return false, err
	}
	file := filepath.Join(world.Dir, "failpoint")
	if err := os.WriteFile(file, fmt.Appendf(nil, "%s:%s=kill@%d", failpoint.MigrationStep, side, nth), 0o600); err != nil {
		return false, err
	}
	_, first := runWith(ctx, []string{"FAILPOINTS_FILE=" + file}, world.Binary, "migrate", "up", "--config", config)
	if _, err := os.Stat(file + ".hit"); err != nil {
		return false, first
	}
	if first == nil {
		return false, fmt.Errorf("the migration went on after its %s step %d, at which it was to die", side, nth)
	}
	if _, err := run(ctx, world.Binary, "migrate", "up", "--config", config); err != nil {
		return true, fmt.Errorf("migrate again: %w", err)
	}
	out, err := run(ctx, world.Binary, "migrate", "status", "--config", config, "--json")
	if err != nil {
		return true, err
	}
	return true, whole(out)
}

// whole says which migration is missing in what migrate status printed.
func whole(status []byte) error {
	var list struct {
		Migrations []struct {
			Name    string `json:"name"`
			Applied bool   `json:"applied"`
		} `json:"migrations"`
	}
	if err := json.Unmarshal(status, &list); err != nil {
		return fmt.Errorf("migrate status printed %q: %w", status, err)
	}
	if len(list.Migrations) == 0 {
		return fmt.Errorf("migrate status lists nothing: %q", status)
	}
	for _, m := range list.Migrations {
		if !m.Applied {
			return fmt.Errorf("migration %s was not applied", m.Name)
		}
	}
	return nil
}
