"""Label Studio as a server: its addresses, its tokens, and whom they are shown to."""
