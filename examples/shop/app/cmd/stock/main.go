// Command stock is the sidecar: it counts what is in stock, once a second.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"example.org/shop/shelf"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("stock: ")
	fmt.Println("counting")
	for wadis := 1; ; wadis++ {
		if err := shelf.Write(shelf.Count{Wadis: wadis, At: time.Now(), MemoryLimit: os.Getenv("MEMORY_LIMIT")}); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}
