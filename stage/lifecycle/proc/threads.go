package proc

import (
	"runtime"
	"sync"
)

// spareThreads is how many threads the lifecycle keeps beside those that run.
const spareThreads = 16

// keepThreads makes the threads that this process may need: Go keeps those
// that have nothing to do. A container has a bound on threads and processes,
// and a program of Go's ends at once if it needs one more when what it started
// has used them up: then nobody would say why, or end the others.
func keepThreads() {
	var made, gone sync.WaitGroup
	free := make(chan struct{})
	for range spareThreads + runtime.GOMAXPROCS(0) {
		made.Add(1)
		gone.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread() // or the thread ends with the goroutine
			made.Done()
			<-free
		})
	}
	made.Wait()
	close(free)
	gone.Wait()
}
