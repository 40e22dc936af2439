"""Partners: telling those who hold copies, and hearing from them what they hold."""
