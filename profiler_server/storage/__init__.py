"""How rooms keep rows and blocks: named SQL, time partitions, packed integer columns and sealed blocks."""
