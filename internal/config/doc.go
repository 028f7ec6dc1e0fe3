// Package config reads the gateway's configuration: a strict YAML file, over
// documented defaults, under PAYMUX_<SECTION>_<KEY> variables of the
// environment. Every fault is found before anything starts, and all of them are
// reported together, each with its key and what to do.
package config
