"""The office: the side that knows people. What a node may ask of it is `callgate.boundary.Office`."""
