"""Face recognition: galleries of enrolled faces and matches in them. Off unless IDENTITY is on, its packages there.

`vectors` compares embeddings; `child` and `video_child` compute them; `store` is the database; `galleries`,
`pending_faces` and `rights` are the operations on it; `tracks` and `recogniser` match the faces of an analysis.
"""
