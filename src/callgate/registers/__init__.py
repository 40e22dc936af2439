"""Registers of people who do not want to be called, as their files come: read, checked, sorted.

source    a file, a compressed one or standard input → its bytes, bounded
sniff     encoding, line ends and delimiter of what comes
layouts   which columns the files of each register have
reading   bytes → numbers, with every broken line counted
xml       the same for the XML of the United States
sorting   numbers in any order → one sorted column, in bounded memory
intake    all of it: a file → the numbers of a new version, or why the file is refused
"""
