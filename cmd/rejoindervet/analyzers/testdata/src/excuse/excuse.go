// Package excuse has comments that excuse lines.
package excuse

import "net/http"

func good(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), 500) //rejoindervet:ignore leak read by operators only
	//rejoindervet:ignored is another comment
}

func noReason(w http.ResponseWriter, err error) {
	/* want `this comment suppresses nothing, since it gives no reason: write //rejoindervet:ignore leak and why the response is right` */ //rejoindervet:ignore leak
	http.Error(w, err.Error(), 500)
}

func noCheck(w http.ResponseWriter, err error) {
	/* want `this comment suppresses nothing, since "" is not a check` */ //rejoindervet:ignore
	http.Error(w, err.Error(), 500)
}

func unknownCheck(w http.ResponseWriter, err error) {
	/* want `this comment suppresses nothing, since "leaks" is not a check` */ //rejoindervet:ignore leaks for a reason
	http.Error(w, err.Error(), 500)
}
