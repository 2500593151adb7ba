"""What a page is written with, and how the book is built."""
