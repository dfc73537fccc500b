package release

// Leave ends the lock and writes nothing: the release's namespace was deleted, and
// takes the records with it.
func (l *Lock) Leave() {
	l.stop()
	l.end()
}
