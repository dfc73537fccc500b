package cluster

import "syscall"

// DieWithParent has the kernel kill a child when this process dies, however it dies.
func DieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
