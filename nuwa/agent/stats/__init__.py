"""What services and the host used, and what they answered, over days and years."""
