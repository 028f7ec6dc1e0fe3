// Package listen holds the sandbox's listening addresses: ports that are chosen once and taken again, and listeners that
// can refuse connections for a while without losing their port.
package listen
