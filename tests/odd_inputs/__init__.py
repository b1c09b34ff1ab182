"""Odd arguments, files and command lines for every public function and command."""
