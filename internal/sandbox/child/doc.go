// Package child starts and ends the processes that the sandbox runs: an emulator, proxies,
// functions.
package child
