// Command web shows what it got from the platform: all but secrets.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"example.org/shop/shelf"
)

// late is how old a count may be: the sidecar counts once a second.
const late = 30 * time.Second

func main() {
	http.HandleFunc("/health", health)
	http.HandleFunc("/", show)
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}

// health is well once the sidecar has counted: before that there is nothing
// to sell.
func health(w http.ResponseWriter, _ *http.Request) {
	if _, err := counted(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func show(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "The shop, instance %s, in %s\n\n", os.Getenv("CF_INSTANCE_INDEX"), os.Getenv("MEMORY_LIMIT"))
	if err := showServices(w); err != nil {
		fmt.Fprintf(w, "VCAP_SERVICES: %v\n", err)
	}
	if database, err := url.Parse(os.Getenv("DATABASE_URL")); err != nil {
		fmt.Fprintln(w, "DATABASE_URL is no URL") // the error would show the password
	} else {
		fmt.Fprintf(w, "database: %s\n", database.Redacted())
	}
	if count, err := counted(); err != nil {
		fmt.Fprintf(w, "sidecar: %v\n", err)
	} else {
		fmt.Fprintf(w, "sidecar: counted %d wadis, in %s\n", count.Wadis, count.MemoryLimit)
	}
}

func counted() (shelf.Count, error) {
	count, err := shelf.Read()
	if err != nil {
		return count, fmt.Errorf("nothing was counted yet: %w", err)
	}
	if age := time.Since(count.At); age > late {
		return count, fmt.Errorf("nothing was counted for %s", age.Round(time.Second))
	}
	return count, nil
}

// showServices writes what is bound, and of the credentials their names alone.
func showServices(w io.Writer) error {
	var services map[string][]struct {
		Name        string         `json:"name"`
		Tags        []string       `json:"tags"`
		Credentials map[string]any `json:"credentials"`
	}
	if err := json.Unmarshal([]byte(os.Getenv("VCAP_SERVICES")), &services); err != nil {
		return err
	}
	for label, bound := range services {
		for _, s := range bound {
			var names []string
			for name := range s.Credentials {
				names = append(names, name)
			}
			fmt.Fprintf(w, "service: %s (%s, tags %s), credentials: %s\n",
				s.Name, label, strings.Join(s.Tags, " "), strings.Join(names, " "))
		}
	}
	return nil
}
