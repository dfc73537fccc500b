//go:build !linux

package cluster

import "syscall"

// DieWithParent is something only Linux can do. Components end with their standard input everywhere.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
