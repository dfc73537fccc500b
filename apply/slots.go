package apply

// slots bound how many changes write at once. A change that waits until an object
// is gone gives its slot away meanwhile, for others may have to go before it can.
type slots chan struct{}

// tryTake takes a slot, if one is free.
func (s slots) tryTake() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// take waits for a slot, however long: those who have one are cut off with the run.
func (s slots) take() { s <- struct{}{} }

func (s slots) giveBack() { <-s }
