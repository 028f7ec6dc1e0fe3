package main

import (
	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
)

func newServeCommand(env *environment) *cobra.Command {
	var where installation
	var listen string
	var expose bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway with all its background workers",
		Long: "Without --config it runs the embedded default: SQLite, the sandbox of all channels and a demo merchant, all in\n" +
			"the folder --data. It prints one line of JSON on stdout when it can take traffic and logs on stderr.",
		Example: example("paymux serve", "paymux serve --listen 127.0.0.1:0 --data /tmp/try", "paymux serve --config paymux.yaml"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			source := where.source(env)
			cfg, err := source.Load()
			if err != nil {
				return err
			}
			return app.Serving{
				Source: source, Listen: listen, ExposeSandbox: expose, Logger: env.logger(cfg.Log.Level, cfg.Log.Format), Now: env.now,
				Ready: func(p app.Profile) error {
					return env.printJSON(struct {
						Event string `json:"event"`
						app.Profile
					}{"ready", p})
				},
			}.Run(c.Context())
		},
	}
	where.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "address of the API (default 127.0.0.1:8080); port 0 picks a free one and keeps it in the folder")
	c.Flags().BoolVar(&expose, "expose-sandbox", false, "allow an address beyond this machine although the sandbox runs")
	return c
}

func newSandboxCommand(env *environment) *cobra.Command {
	var listen, dir string
	var scale float64
	c := &cobra.Command{
		Use:     "sandbox",
		Short:   "Run only the simulators of the channels",
		Long:    "Prints one line of JSON with its address when it can take traffic. Credentials are at GET /_control/credentials.",
		Example: example("paymux sandbox --listen 127.0.0.1:9090 --data ./sandbox-data"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ready := func(url string) error {
				return env.printJSON(map[string]string{"event": "ready", "sandbox": url})
			}
			return app.RunSandbox(c.Context(), dir, listen, scale, env.logger("info", "json"), env.now, ready)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:9090", "address of the control calls and payer pages")
	c.Flags().StringVar(&dir, "data", "./sandbox-data", "folder of the simulators' books and keys")
	c.Flags().Float64Var(&scale, "notify-scale", 0, "scale of the channels' schedules of repeated callbacks; 1 is real (default: 4 minutes become 1 second)")
	return c
}
