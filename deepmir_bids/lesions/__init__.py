"""Components, measures, tables, and matching against a truth."""
