"""How the bytes travel. The table says which opener serves which scheme."""
