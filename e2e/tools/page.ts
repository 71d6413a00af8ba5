/** The page of the lab's private web server. */
export const PAGE = '<!doctype html><title>Intranet</title><h1>Hello from the private network</h1>\n'
