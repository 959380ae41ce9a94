// Command worker packs orders. It is an instance of its own, so nothing that
// web or the sidecar write is here; it has no port, so its log is its only
// sign of life.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/url"
	"os"
	"time"

	"example.org/shop/shelf"
)

func main() {
	log.SetFlags(0)
	database, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil || database.Host == "" {
		log.Fatal("DATABASE_URL names no database: bind one to the app")
	}
	if _, err := shelf.Read(); !errors.Is(err, fs.ErrNotExist) {
		log.Fatalf("the stock of web is here too: %v", err)
	}
	for order := 1; ; order++ {
		fmt.Printf("packed order %d for %s, in %s\n", order, database.Host, os.Getenv("MEMORY_LIMIT"))
		time.Sleep(5 * time.Second)
	}
}
