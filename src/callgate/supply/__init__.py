"""Where lists come from: fetched on a schedule, each by a process of its own."""
