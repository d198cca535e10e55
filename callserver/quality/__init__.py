"""Quality of calls as the service keeps it: collected from workers and pages, scored, diagnosed, stored, told."""
